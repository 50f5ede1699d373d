/* From sound to features, in plain C. The numbers are in the two headers; nothing here
   needs to be changed. Floating point, some operations a frame: boards with a vector
   library can put its real FFT in the place of `transform`. */

#include "frontend.h"

#include <math.h>

#include "frontend_tables.h"
#include "model.h"

#define HALF (SONOTYPE_FFT_LENGTH / 2)
#define N_BINS (HALF + 1)

/* Not on the stack, which is small on a board: one thread at a time. */
static float real[HALF];
static float imaginary[HALF];
static float spectrum[N_BINS];
static int16_t frame[SONOTYPE_FRAME_LENGTH];
static float loudest;

/* Exchange numbers so that each is where its place, with the bits reversed, says. */
static void reverse_bits(void)
{
    int place, reversed = 0;

    for (place = 1; place < HALF; place++) {
        int bit = HALF >> 1;
        for (; reversed & bit; bit >>= 1)
            reversed ^= bit;
        reversed |= bit;
        if (place < reversed) {
            const float kept_real = real[place], kept_imaginary = imaginary[place];
            real[place] = real[reversed];
            imaginary[place] = imaginary[reversed];
            real[reversed] = kept_real;
            imaginary[reversed] = kept_imaginary;
        }
    }
}

/* Fourier transform of HALF complex numbers, in their place. */
static void transform(void)
{
    int length;

    reverse_bits();
    for (length = 2; length <= HALF; length *= 2) {
        const int step = SONOTYPE_FFT_LENGTH / length;
        int start;
        for (start = 0; start < HALF; start += length) {
            int place;
            for (place = 0; place < length / 2; place++) {
                const int even = start + place, odd = even + length / 2;
                const float c = cosines[place * step], s = sines[place * step];
                const float x = c * real[odd] + s * imaginary[odd];
                const float y = c * imaginary[odd] - s * real[odd];
                real[odd] = real[even] - x;
                imaginary[odd] = imaginary[even] - y;
                real[even] += x;
                imaginary[even] += y;
            }
        }
    }
}

/* The spectrum of real samples, which were put in pairs: even real, odd imaginary. */
static void untangle(void)
{
    int bin;

    for (bin = 0; bin < N_BINS; bin++) {
        const int here = bin % HALF, mirror = (HALF - bin) % HALF;
        const float even_real = 0.5f * (real[here] + real[mirror]);
        const float even_imaginary = 0.5f * (imaginary[here] - imaginary[mirror]);
        const float odd_real = 0.5f * (imaginary[here] + imaginary[mirror]);
        const float odd_imaginary = 0.5f * (real[mirror] - real[here]);
        const float c = bin < HALF ? cosines[bin] : -1.0f;
        const float s = bin < HALF ? sines[bin] : 0.0f;
        const float x = even_real + c * odd_real + s * odd_imaginary;
        const float y = even_imaginary + c * odd_imaginary - s * odd_real;
#if SONOTYPE_POWER == 2
        spectrum[bin] = x * x + y * y;
#else
        spectrum[bin] = sqrtf(x * x + y * y);
#endif
    }
}

static float level_of(float energy)
{
    return SONOTYPE_LOG_SCALE *
           logf(fmaxf(energy, SONOTYPE_LOG_FLOOR) + SONOTYPE_LOG_OFFSET);
}

static int8_t quantized(float level)
{
    const float feature = (level - SONOTYPE_MEAN) / SONOTYPE_DEVIATION;
    const float steps = feature / SONOTYPE_FEATURE_SCALE;
    const float integer = roundf(steps) + (float)SONOTYPE_FEATURE_ZERO_POINT;

    return (int8_t)fminf(fmaxf(integer, -128.0f), 127.0f);
}

void sonotype_frame(const int16_t *samples, int8_t *features)
{
    const float *weight = band_weights;
    int place, band;

    for (place = 0; place < HALF; place++)
        real[place] = imaginary[place] = 0.0f;
    for (place = 0; place < SONOTYPE_FRAME_LENGTH; place++) {
        const float sample = window[place] * ((float)samples[place] / 32768.0f);
        if (place % 2)
            imaginary[place / 2] = sample;
        else
            real[place / 2] = sample;
    }
    transform();
    untangle();
    for (band = 0; band < SONOTYPE_N_BANDS; band++) {
        const float *bin = spectrum + band_first_bins[band];
        float energy = 0.0f, level;
        for (place = 0; place < band_lengths[band]; place++)
            energy += *weight++ * *bin++;
        level = level_of(energy);
        if (level > loudest)
            loudest = level;
        features[band] = quantized(level);
    }
}

/* A sample of the clip with silence at its ends, and of what is taken to be beyond. */
static int16_t sample_at(const int16_t *clip, long place)
{
#if SONOTYPE_MIRRORED
    const long last = SONOTYPE_N_SAMPLES + 2L * SONOTYPE_N_PADDING - 1;
    if (place < 0)
        place = -place;
    if (place > last)
        place = 2 * last - place;
#endif
    place -= SONOTYPE_N_PADDING;
    return (int16_t)(place < 0 || place >= SONOTYPE_N_SAMPLES ? 0 : clip[place]);
}

void sonotype_features(const int16_t *clip, int8_t *features)
{
    long number;

    loudest = -HUGE_VALF;
    for (number = 0; number < SONOTYPE_N_FRAMES; number++) {
        const long first = SONOTYPE_FIRST_SAMPLE + number * SONOTYPE_HOP_LENGTH;
        int place;
        for (place = 0; place < SONOTYPE_FRAME_LENGTH; place++)
            frame[place] = sample_at(clip, first + place);
        sonotype_frame(frame, features + number * SONOTYPE_N_BANDS);
    }
#if SONOTYPE_HAS_RANGE
    /* Louder is never less as an integer, so this may be done last. */
    {
        const int8_t least = quantized(loudest - SONOTYPE_RANGE);
        for (number = 0; number < (long)SONOTYPE_N_FRAMES * SONOTYPE_N_BANDS; number++)
            if (features[number] < least)
                features[number] = least;
    }
#endif
}

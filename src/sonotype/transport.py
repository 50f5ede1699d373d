"""HTTP and nothing else: no files, no FTP, no way back from https to http."""

import urllib.error
import urllib.request
from functools import cache
from typing import IO, Any
from urllib.parse import urlsplit

from sonotype.errors import SettingError

_SCHEMES = ("http", "https")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but to no worse protocol."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the next request, or raise."""
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in _SCHEMES or (old, new) == ("https", "http"):
            raise urllib.error.HTTPError(
                req.full_url, code, f"a redirect to {newurl}", headers, fp
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_address(address: str, headers: dict[str, str], timeout_seconds: float) -> Any:
    """Return the answer to a GET request, as `urllib.request.urlopen` does.

    Args:
        address: An http or https address.
        headers: Fields of the request.
        timeout_seconds: Longest silence of the server.

    Raises:
        SettingError: If it is another kind of address.
        OSError: As `urlopen`.
    """
    if urlsplit(address).scheme not in _SCHEMES:
        raise SettingError(f"{address} is no http or https address")
    # Compressed in transit, a length and a range would be those of something else.
    fields = {"Accept-Encoding": "identity", "User-Agent": "sonotype", **headers}
    request = urllib.request.Request(address, headers=fields)
    return _opener().open(request, timeout=timeout_seconds)


@cache
def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener

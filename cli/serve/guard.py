"""The guard: who may ask the page, and what a browser may do with it.

A page on this machine can be reached by every web site that its user visits. So a request must come
from the page itself: its Host must be one of this machine's own names, or a name could be pointed
at it (DNS rebinding), and the browser must not say that another site sent it.
"""

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "simctl"
_REFUSED, _UNKNOWN = 403, 401
_HEADERS = {
    # styles are set by charts and tables; everything else comes from here or not at all
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


class Guard:
    """Lets through what the page asks, and whoever knows the token where there is one."""

    def __init__(self, app: ASGIApp, token: str = "") -> None:
        """Guard `app`; without a token only this machine may ask."""
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        reason = self._foreign(headers, navigates=not scope["path"].startswith("/api/"))
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        answer: ASGIApp = self._app
        if reason:
            answer = JSONResponse({"error": reason}, _REFUSED)
        elif self._knows(given):
            answer = self._welcome(scope["path"])
        elif self._token and not self._knows(_token(headers)):
            text = "this page asks for a token: open the address that simctl serve printed"
            answer = JSONResponse({"error": text}, _UNKNOWN)
        await answer(scope, receive, _with_headers(send))

    def _foreign(self, headers: Headers, *, navigates: bool) -> str:
        """Say why a request does not come from the page, if it does not."""
        host = headers.get("host", "")
        if not self._token and urlsplit(f"//{host}").hostname not in LOOPBACK:
            return f"this page is not at {host}: open the address that simctl serve printed"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return "another site sent this request"
        site = headers.get("sec-fetch-site", "none")
        followed = navigates and headers.get("sec-fetch-mode") == "navigate"
        if site not in {"none", "same-origin"} and not followed:
            return "another site sent this request"
        return ""

    def _knows(self, given: str) -> bool:
        return bool(self._token) and hmac.compare_digest(given.encode(), self._token.encode())

    def _welcome(self, path: str) -> RedirectResponse:
        """Keep the token out of the address from now on: it would stay in the history."""
        answer = RedirectResponse(path, 303)
        answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
        return answer


def _token(headers: Mapping[str, str]) -> str:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending

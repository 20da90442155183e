"""The page and its files, from package data: no build step, nothing from elsewhere."""

import gzip
from functools import cache
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.responses import Response as StarletteResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
WEEK_SECONDS = 604_800


class Assets(StaticFiles):
    """Our own files: kept by browsers, but asked about each time, so that no two versions mix."""

    async def get_response(self, path: str, scope: Scope) -> StarletteResponse:
        """The file, to be revalidated by its ETag."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def install(app: FastAPI) -> None:
    """Serve `/` and `/static`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def page() -> Response:
        headers = {"Cache-Control": "no-cache"}
        return HTMLResponse((STATIC / "index.html").read_text("utf-8"), headers=headers)

    @router.get("/static/views.js")
    def views() -> Response:
        return Response(views_source(), headers={"Cache-Control": "no-cache"}, media_type="text/javascript")

    @router.get("/static/plotly.min.js")
    def plotly(request: Request) -> Response:
        headers = {"Cache-Control": f"public, max-age={WEEK_SECONDS}", "Vary": "Accept-Encoding"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(plotly_source(), headers=headers, media_type="text/javascript")
        headers["Content-Encoding"] = "gzip"
        return Response(plotly_compressed(), headers=headers, media_type="text/javascript")

    app.include_router(router)
    app.mount("/static", Assets(directory=STATIC))


def views_source() -> str:
    """The module that lists the views: every file view-*.js exports one, in the order it asks for."""
    files = sorted(path.name for path in STATIC.glob("view-*.js"))
    lines = [f'import {{ view as view{n} }} from "./{name}";' for n, name in enumerate(files)]
    names = ", ".join(f"view{n}" for n in range(len(files)))
    lines.append(f"export const VIEWS = [{names}].sort((a, b) => a.order - b.order);")
    return "\n".join(lines) + "\n"


def plotly_source() -> bytes:
    """The JavaScript that ships inside the Python package plotly."""
    return (resources.files("plotly") / "package_data" / "plotly.min.js").read_bytes()


@cache
def plotly_compressed() -> bytes:
    """The same, a third of the size; compressed once."""
    return gzip.compress(plotly_source(), 6, mtime=0)


def sign_in_page(*, wrong: bool) -> Response:
    """Ask for the token; the page behind it shows nothing before."""
    text = (STATIC / "sign-in.html").read_text("utf-8")
    note = "That is not the token of this server." if wrong else ""
    headers = {"Cache-Control": "no-store", "WWW-Authenticate": "Bearer"}
    return HTMLResponse(text.replace("{{note}}", note), 401, headers)

"""A key service as a process: `python -m services.keyservice.serve`, with one seed and nothing else of the network."""

import argparse
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from services.errors import Fatal, SpiegelnetError
from services.keyservice.app import create_app
from services.keyservice.callers import Callers
from services.keyservice.in_process import InProcessKeyService
from services.keyservice.protocol import MAX_BATCH
from services.keyservice.quota import Quota
from services.logs import Logger, logger, quiet_libraries
from services.privacy.oprf import SEED_SIZE

MOST_REQUESTS = 64
"""Requests and idle connections at once; more are told to come later."""
KEEP_ALIVE_SECONDS = 30


def main() -> None:
    """Serve until the process is ended."""
    given = arguments(sys.argv[1:])
    log = logger("json")
    quiet_libraries("json")
    try:
        server = make_server(given, log)
    except SpiegelnetError as error:
        log.warning(
            "key service not started",
            service=given.id,
            group=error.group,
            what=error.what,
            why=error.why,
            todo=error.todo,
        )
        raise SystemExit(error.exit_code) from None
    log.info("key service started", service=given.id, port=given.port)
    server.run()
    log.info("key service ended", service=given.id)


def make_server(given: argparse.Namespace, log: Logger) -> uvicorn.Server:
    """Make the server, which speaks TLS 1.3 only.

    Raises:
        Fatal: the seed or the certificate cannot be used.
    """
    quota = Quota(given.burst, given.per_hour)
    app = create_app(InProcessKeyService(given.id, _seed(given.seed)), Callers(given.callers), quota, log)
    config = uvicorn.Config(
        app,
        host=given.host,
        port=given.port,
        ssl_certfile=given.certificate,
        ssl_keyfile=given.certificate,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_REQUESTS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one of them
        raise Fatal(
            f"The certificate {given.certificate} cannot be used.", f"{type(error).__name__}.", "Make it anew."
        ) from None
    if config.ssl is None:
        raise Fatal("A key service answers over TLS only.", todo="Name a certificate with its key.")
    config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    return uvicorn.Server(config)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line behind the program's name; ends with exit code 2 where it is not usable."""
    parser = argparse.ArgumentParser(description="Serve one key service over TLS.")
    parser.add_argument("--id", required=True, help="ks-a or ks-b")
    parser.add_argument("--seed", type=Path, required=True, help="file of 32 secret bytes")
    parser.add_argument("--callers", type=Path, required=True, help="file of who may ask")
    parser.add_argument("--certificate", type=Path, required=True, help="PEM: key, certificate, CA")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--burst", type=int, required=True, help="elements that a caller may ask at once")
    parser.add_argument("--per-hour", type=int, required=True, help="elements that come free each hour")
    given = parser.parse_args(words)
    if given.burst < MAX_BATCH:
        parser.error(f"--burst must be at least {MAX_BATCH}, the largest request")
    return given


def _seed(path: Path) -> bytes:
    try:
        seed = path.read_bytes()
    except OSError as error:
        raise Fatal(f"The seed {path} cannot be read.", f"{error.strerror}.", "Restore it from a copy.") from None
    if len(seed) != SEED_SIZE:
        raise Fatal(f"The seed {path} does not have {SEED_SIZE} bytes.", todo="Restore it from a copy.")
    return seed


if __name__ == "__main__":
    main()

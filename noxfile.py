"""The checkout in, its tests run on every Python of this machine and on the oldest dependencies."""

import nox

nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"

PYTHONS = ("3.11", "3.12", "3.13")

IMPORT_EVERYTHING = """
import importlib, pkgutil, voicespan

for module in pkgutil.walk_packages(voicespan.__path__, "voicespan."):
    if not module.name.startswith(("voicespan.demo", "voicespan.integrations.")):
        importlib.import_module(module.name)
print(*(getattr(voicespan, name) for name in voicespan.__all__), sep="\\n")
"""


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests against the locked dependencies."""
    session.run_install(
        *("uv", "sync", "--frozen", "--all-extras", "--no-default-groups", "--group=test"),
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location},
    )
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS[0])
def oldest(session: nox.Session) -> None:
    """Import all that needs no framework on the oldest dependencies, warnings being errors."""
    session.install("--resolution=lowest-direct", ".")
    session.run("python", "-W", "error", "-c", IMPORT_EVERYTHING)

"""The settings in, `docs/configuration.md` out.

`python -m voicespan.config_doc` prints the page.
"""

import sys
from collections.abc import Iterator

from voicespan._config import SETTINGS, Setting

_HEAD = """\
<!-- Generated: python -m voicespan.config_doc > docs/configuration.md -->

# Configuration

Every option of `voicespan.instrument()` is keyword-only and may be left out. What decides, first
that is there: the argument, the variables in the order given, the default.

| argument | variables | default | meaning |
|---|---|---|---|
"""

_TAIL = """
With no exporter chosen, spans go

1. nowhere new, if the application has set a tracer provider up (globally, or by
   `tracer_provider=`): they reach its exporters;
2. else to the exporters `OTEL_TRACES_EXPORTER` names (`otlp`, `console`, `none`);
3. else to OTLP, if `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set;
4. else nowhere, and one line in the log says so.

OTLP takes the rest from OpenTelemetry's own variables: `OTEL_EXPORTER_OTLP_PROTOCOL`
(`http/protobuf` unless set, or `grpc`), `..._HEADERS`, `..._TIMEOUT`, `..._CERTIFICATE`,
`..._COMPRESSION` (`gzip` unless set). A provider that voicespan sets up itself honours
`OTEL_TRACES_SAMPLER` and `OTEL_RESOURCE_ATTRIBUTES`.
"""


def page() -> str:
    """Return the page as Markdown."""
    return _HEAD + "".join(_rows()) + _TAIL


def _rows() -> Iterator[str]:
    for setting in SETTINGS:
        variables = ", ".join(f"`{name}`" for name in setting.variables)
        yield f"| `{setting.name}` | {variables} | {_default(setting)} | {setting.description} |\n"
    yield "| `tracer_provider` | | the global one | the provider spans are made with |\n"


def _default(setting: Setting) -> str:
    return "" if setting.default is None else f"`{setting.default}`"


if __name__ == "__main__":
    sys.stdout.write(page())

"""A fresh interpreter in, the CPU and the modules of each import and first call out, as JSON.

Run as a file, so that nothing of the bench is loaded before it begins.
"""

import sys
import time
from itertools import pairwise

FOREIGN = ("livekit", "openai", "pipecat")
HEAVY = ("opentelemetry.sdk", "opentelemetry.exporter", *FOREIGN)


def main() -> dict[str, object]:
    """Import the OpenTelemetry API, voicespan and the SDK in turn, and set both up."""
    instants = [time.process_time()]
    import opentelemetry.trace

    instants.append(time.process_time())
    before = set(sys.modules)
    import voicespan

    instants.append(time.process_time())
    loaded = sorted(set(sys.modules) - before)
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        SpanExporter,
        SpanExportResult,
    )

    class Discard(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Discard()))
    opentelemetry.trace.get_tracer("bench", tracer_provider=provider)
    instants.append(time.process_time())
    voicespan.instrument(exporter=Discard())
    instants.append(time.process_time())
    api, own, sdk, instrument = (after - before for before, after in pairwise(instants))
    return {
        "seconds": {"api": api, "voicespan": own, "sdk": sdk, "instrument": instrument},
        "modules": loaded,
        "heavy": [name for name in loaded if name.startswith(HEAVY)],
        "foreign": [name for name in FOREIGN if name in sys.modules],
    }


if __name__ == "__main__":
    result = main()
    import json

    print(json.dumps(result))

"""Pipecat: a pipeline worker's frames and service calls in, verbs on a Session out.

Holds for pipecat-ai 0.0.105 → 1.14. What is hooked, and why there:

* `PipelineWorker.run` (`PipelineTask.run` before 1.3), on the class: the one place where every
  call begins and ends, by any path, and from whose context every task of the call is started.
* `worker._observer.on_push_frame`, on the instance: an observer of our own would get a queue and
  a task per call, +10 µs per audio frame, and would die silently of an exception.
* a few methods of each service, on the instance (`services.py`).
"""

from voicespan.integrations.pipecat.worker import attach, instrument

__all__ = ["attach", "instrument"]

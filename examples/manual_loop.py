"""A hand-written voice loop, traced: every stage in a `with` block. Runs without any account.

    OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 python examples/manual_loop.py

Without an endpoint the turns are printed as a tree.
"""

import asyncio
import os

import voicespan


async def main() -> None:
    """Hold a call of two turns; the caller interrupts the second."""
    async with voicespan.session(
        agent="support_v3",
        agent_version="v42",
        user_id="user_42",
        call_sid="CA0123456789abcdef",
        transport="sip",
    ) as session:
        await exchange(session, "Where is my order?", "It left our warehouse this morning.")
        await exchange(session, "And when will it", "It arrives on Monday bef", heard=0.4)
        session.transport_quality(mos=4.2, packet_loss=0.003, jitter=0.018)
        session.outcome("resolved")


async def exchange(
    session: voicespan.Session, question: str, answer: str, heard: float | None = None
) -> None:
    """Hear a question, think, look something up, answer; `heard`: cut off after so many seconds."""
    with session.turn() as turn:
        with turn.user_speech() as speech:
            await asyncio.sleep(0.3)
            speech.transcript(question)
        with turn.stt(provider="deepgram", model="nova-3") as stt:
            await asyncio.sleep(0.08)
            stt.transcript(question, confidence=0.97, language="en")
            stt.usage(audio_seconds=0.3)
        with turn.llm(provider="openai", model="gpt-4.1-mini") as llm:
            await asyncio.sleep(0.15)
            llm.first_token()
            llm.messages(input=[{"role": "user", "content": question}], output=answer)
            llm.usage(input_tokens=420, output_tokens=80)
        with turn.tool("lookup_order", arguments={"id": 417}) as tool:
            with voicespan.span("database", {"db.system": "postgresql"}):
                await asyncio.sleep(0.05)
            tool.result({"status": "shipped"})
        with turn.tts(provider="cartesia", model="sonic-2", voice="calm") as tts:
            await asyncio.sleep(0.1)
            tts.first_byte()
            tts.usage(characters=len(answer), audio_seconds=1.2)
        with turn.agent_speech() as agent:
            await asyncio.sleep(heard or 0.6)
            agent.transcript(answer)
            if heard is not None:
                agent.interrupt(heard=heard)
        turn.event("guardrail:toxicity", {"flagged": False})


if __name__ == "__main__":
    configured = "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ
    voicespan.instrument(exporter="otlp" if configured else "console")
    asyncio.run(main())

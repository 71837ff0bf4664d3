"""Spans to a collector: OTLP over HTTP, by OpenTelemetry's own SDK (extra `opentelemetry`)."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from kairan import __version__
from kairan.trace.settings import OpenTelemetrySettings
from kairan.trace.spans import MessageSpan, SpanResult

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_NANO = 1_000_000_000
_REPLY_CHARACTERS_MAX = 200  # a peer chooses its length


def is_installed() -> bool:
    return all(
        find_spec(name) is not None
        for name in ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
    )


class OtlpExporter:
    """`export` waits for the collector, `timeout_seconds` at most; further settings are the SDK's own
    variables, such as OTEL_EXPORTER_OTLP_HEADERS.
    """

    def __init__(self, settings: OpenTelemetrySettings, *, hostname: str, worker: int) -> None:
        # Half a second and 20 MB, for those alone who have switched it on.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

        self._exporter = OTLPSpanExporter(
            endpoint=settings.endpoint, timeout=settings.timeout_seconds
        )
        self._resource = Resource.create(
            {
                "service.name": "kairan",
                "service.version": __version__,
                "service.instance.id": f"{hostname}/{worker}",
                "host.name": hostname,
            }
        )

    def export(self, spans: Sequence[MessageSpan]) -> None:
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415 - see above

        result = self._exporter.export([self._readable(one) for one in spans])
        if result is not SpanExportResult.SUCCESS:
            message = "the collector did not take the spans"
            raise OSError(message)

    def close(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK's own

    def _readable(self, span: MessageSpan) -> "ReadableSpan":
        from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415 - see above
        from opentelemetry.trace import (  # noqa: PLC0415
            SpanContext,
            SpanKind,
            Status,
            StatusCode,
            TraceFlags,
        )

        def context(number: int, *, is_remote: bool) -> SpanContext:
            return SpanContext(span.trace, number, is_remote, TraceFlags(TraceFlags.SAMPLED))

        kinds = {"receive": SpanKind.SERVER, "deliver": SpanKind.CLIENT}
        code = {SpanResult.FAILED: StatusCode.ERROR, SpanResult.UNKNOWN: StatusCode.ERROR}
        attributes: dict[str, str | int] = {
            "messaging.system": "kairan",
            "messaging.message.id": span.message_id,
            "kairan.result": str(span.result),
            "kairan.recipients": span.recipients,
        }
        if span.reply:
            attributes["kairan.reply"] = span.reply[:_REPLY_CHARACTERS_MAX]
        return ReadableSpan(
            name=span.name,
            context=context(span.span, is_remote=False),
            parent=context(span.parent, is_remote=True) if span.parent else None,
            resource=self._resource,
            attributes=attributes,
            kind=kinds.get(span.name, SpanKind.INTERNAL),
            status=Status(code.get(span.result, StatusCode.UNSET)),
            start_time=int(span.began * _NANO),
            end_time=int(span.ended * _NANO),
        )

"""A WebRTC call as the transport of a conversation: audio by Opus tracks, frames by data channel `oai-events`."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.server.audio.pcm import to_int16
from roundelay.server.errors import ApiError, unsupported, wrong
from roundelay.server.limits import Limits
from roundelay.server.realtime.connection import Connection, Gone
from roundelay.server.realtime.output_buffer import TRACK_RATE_HZ, OutputAudioBuffer
from roundelay.server.realtime.settings import Settings
from roundelay.server.service import Service
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ
from roundelay.voice.resample import Resampler

try:
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
    from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
    from aiortc.sdp import SessionDescription
    from av import AudioFrame
except ImportError as error:
    raise MissingPackage(error.name or "aiortc", "webrtc") from None

log = logging.getLogger("roundelay.server")
CHANNEL = "oai-events"
OPUS = "audio/opus"
FRAME = TRACK_RATE_HZ // 50  # samples of a track's frame, 20 ms
MAX_CHANNEL_BYTES = 1 << 20  # queued in the data channel before `send` waits
MAX_QUEUED_FRAMES = 1024  # of the client that wait to be read; beyond, the call ends
MAX_GAP_SAMPLES = 5 * TRACK_RATE_HZ  # lost samples replaced by silence; a longer gap is a jump of the clock
LATE_S = 1.0  # a track later than this continues from now instead of catching up
FLUSH_S = 1.0  # for the last frames to be sent


class OutboundTrack(MediaStreamTrack):
    """The server's audio track: the output buffer in real time, and silence between."""

    kind = "audio"

    def __init__(self, output_buffer: OutputAudioBuffer) -> None:
        super().__init__()
        self._output_buffer, self._at, self._began = output_buffer, 0, 0.0

    async def recv(self) -> Any:
        """The next 20 ms, once they are due. Raises `MediaStreamError` when the track is stopped."""
        if self.readyState != "live":
            raise MediaStreamError
        now, ahead_s = time.monotonic(), self._at / TRACK_RATE_HZ
        if now - self._began - ahead_s > LATE_S:  # also at the start
            self._began = now - ahead_s
        await asyncio.sleep(self._began + ahead_s - now)
        made = AudioFrame.from_ndarray(to_int16(self._output_buffer.take(FRAME))[None], format="s16", layout="mono")
        made.sample_rate, made.pts, made.time_base = TRACK_RATE_HZ, self._at, Fraction(1, TRACK_RATE_HZ)
        self._at += FRAME
        return made


class InboundTrack:
    """Decodes the client's audio track for the model."""

    def __init__(self) -> None:
        self._rate, self._next = Resampler(TRACK_RATE_HZ, INPUT_RATE_HZ), 0

    def samples(self, frame: Any) -> np.ndarray:
        """Samples of a decoded frame, float32 at 16 kHz; lost packets before it become silence."""
        values = frame.to_ndarray().reshape(-1, len(frame.layout.channels)).mean(1, dtype=np.float32) / 32768.0
        lost = (frame.pts or 0) - self._next if self._next else 0
        self._next = (frame.pts or 0) + len(values)
        if FRAME <= lost <= MAX_GAP_SAMPLES:
            values = np.concatenate([np.zeros(lost, np.float32), values])
        return self._rate.push(values)


class Call:
    """One peer connection as the transport of a conversation. No STUN or TURN server is used."""

    def __init__(self, limits: Limits) -> None:
        self.peer, self._limits = RTCPeerConnection(RTCConfiguration(iceServers=[])), limits
        self.connection: Connection | None = None
        self._channel: Any = None
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self._ready, self._gone = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []  # the event loop holds them weakly
        self._listening: asyncio.Task[None] | None = None
        self.peer.on("datachannel", self._on_datachannel)
        self.peer.on("track", self._on_track)
        self.peer.on("connectionstatechange", self._on_state_change)

    def begin(self, connection: Connection) -> None:
        """Run the conversation; drop it if the client does not open its data channel in time."""
        self.connection = connection
        self._tasks += [asyncio.create_task(connection.run()), asyncio.create_task(self._expect())]

    async def _expect(self) -> None:
        try:
            await asyncio.wait_for(self._ready.wait(), self._limits.call_s)
        except TimeoutError:
            self._leave()

    def _leave(self) -> None:
        self._gone.set()
        self._ready.set()

    def _on_state_change(self) -> None:
        if self.peer.connectionState in ("failed", "closed"):
            self._leave()

    def _on_datachannel(self, channel: Any) -> None:
        if channel.label != CHANNEL or self._channel is not None:
            return
        self._channel = channel
        channel.on("message", self._on_message)
        channel.on("close", self._leave)
        self._ready.set()

    def _on_message(self, message: str | bytes) -> None:
        if self._frames.qsize() >= MAX_QUEUED_FRAMES or len(message) > self._limits.frame_bytes:
            self._leave()
        else:
            self._frames.put_nowait(message if isinstance(message, str) else None)

    def _on_track(self, track: Any) -> None:
        self._listening = asyncio.create_task(self._listen(track))

    async def _listen(self, track: Any) -> None:
        inbound = InboundTrack()
        with suppress(MediaStreamError):
            while not self._gone.is_set():
                sound = inbound.samples(await track.recv())
                if self.connection is not None:
                    self.connection.push_audio(sound)

    async def receive(self) -> str | None:
        """The next text frame; None for bytes. Raises `Gone`."""
        next_, gone = asyncio.ensure_future(self._frames.get()), asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait((next_, gone), return_when=asyncio.FIRST_COMPLETED)
            if not next_.done():
                raise Gone
            return next_.result()
        finally:
            next_.cancel()
            gone.cancel()

    async def send(self, line: str) -> None:
        """Send a frame once the channel is open and has room. Raises `Gone`."""
        await self._ready.wait()
        while not self._gone.is_set() and self._channel.bufferedAmount > MAX_CHANNEL_BYTES:
            await asyncio.sleep(0.02)
        if self._gone.is_set() or self._channel.readyState != "open":
            raise Gone
        self._channel.send(line)

    async def close(self, code: int, reason: str | None) -> None:
        """Send the last frames, then hang up."""
        until = time.monotonic() + FLUSH_S
        while not self._gone.is_set() and self._channel is not None and time.monotonic() < until:
            if not self._channel.bufferedAmount:
                self._channel.close()
                break
            await asyncio.sleep(0.02)
        if self._channel is not None:
            while self._channel.readyState != "closed" and not self._gone.is_set() and time.monotonic() < until:
                await asyncio.sleep(0.02)
        await self.drop()

    async def drop(self) -> None:
        """Close the connection in any state."""
        self._leave()
        if self._listening is not None:
            self._listening.cancel()
        await self.peer.close()


def check_offer(offer: str) -> None:
    """Raise `ApiError` 400 for an offer that is not SDP, or has not one Opus track and one data channel."""
    try:
        media = SessionDescription.parse(offer).media
        whole = bool(media) and all(
            each.ice and each.dtls and each.ice.usernameFragment and each.ice.password and each.dtls.fingerprints
            for each in media
        )
    except Exception:  # the parser raises many kinds of errors for bad input
        raise wrong("sdp", "the offer cannot be read as SDP", "invalid_offer") from None
    if not whole:
        raise wrong("sdp", "the offer lacks ICE credentials or a DTLS fingerprint", "invalid_offer")
    kinds = [each.kind for each in media]
    if kinds.count("audio") != 1:
        raise wrong("sdp", f"the offer has {kinds.count('audio')} audio tracks; a call has one", "invalid_offer")
    if kinds.count("application") != 1:
        raise wrong("sdp", f"the offer has no data channel; create {CHANNEL} before the offer", "invalid_offer")
    if len(kinds) != 2:
        raise unsupported("sdp", "a call has one audio track and a data channel, nothing else")
    audio = media[kinds.index("audio")]
    if all(codec.mimeType.lower() != OPUS for codec in audio.rtp.codecs):
        raise wrong("sdp", "the offer's audio track has no Opus", "invalid_offer")


async def answer(service: Service, offer: str, settings: Settings, client: str | None) -> tuple[str, str]:
    """Begin a call; returns its session's name and the SDP answer. Raises `ApiError` 400.

    A browser may send its offer before it knows its own addresses; connectivity checks then reveal them.
    """
    call = Call(service.limits)
    connection = Connection(call, service, settings, client)
    connection.bridge.output_buffer = OutputAudioBuffer(connection.send)
    connection.enter()
    try:
        call.peer.addTrack(OutboundTrack(connection.bridge.output_buffer))
        wanted = [codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType.lower() == OPUS]
        call.peer.getTransceivers()[0].setCodecPreferences(wanted)
        await call.peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await call.peer.setLocalDescription(await call.peer.createAnswer())
    except Exception as error:
        connection.leave()
        await call.drop()
        if isinstance(error, ApiError):
            raise
        log.info("an offer was refused", exc_info=error)
        raise wrong("sdp", "the offer cannot be answered", "invalid_offer") from None
    call.begin(connection)
    return connection.name, call.peer.localDescription.sdp

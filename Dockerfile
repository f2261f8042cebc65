# The server in a container: docker build -t roundelay . (docs/how-to/in-a-container.md; compose.yaml runs it).
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY configs configs
COPY src src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    wheel="$(echo /wheels/*.whl)" && pip install --no-cache-dir "${wheel}[voice,serve,whisper,kokoro]"
# What is fetched or compiled once lies in the volume: weights of others, numba's and the hub's caches.
ENV HOME=/data PYTHONUNBUFFERED=1
RUN useradd --uid 10001 --home-dir /data --create-home roundelay
VOLUME /data
WORKDIR /data
USER 10001:10001
EXPOSE 8000 10300
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
ENTRYPOINT ["roundelay"]
# Beyond loopback a key is needed: -e ROUNDELAY_API_KEYS=…, or serve … --open for a network where none is.
CMD ["serve", "--host", "0.0.0.0"]

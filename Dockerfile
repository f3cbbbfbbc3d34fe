# Keyhouse on glibc (the built-in models have no wheels for musl). Everything installed is named by its hash.
FROM python:3.11-slim AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/keyhouse
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN /opt/keyhouse/bin/pip install --prefer-binary --require-hashes -r requirements/runtime.txt \
    && python -m venv /opt/builder \
    && /opt/builder/bin/pip install --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY src/ src/
RUN /opt/builder/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /build/dist . \
    && /opt/keyhouse/bin/pip install --no-deps --no-index /build/dist/*.whl

FROM python:3.11-slim
RUN useradd --system --uid 8585 --create-home keyhouse \
    && install -d -o keyhouse -g keyhouse -m 0700 /data
COPY --from=build /opt/keyhouse /opt/keyhouse
ENV PATH=/opt/keyhouse/bin:$PATH PYTHONUNBUFFERED=1 KEYHOUSE_DATA=/data KEYHOUSE_LOG_FORMAT=json
USER keyhouse
VOLUME /data
EXPOSE 8585
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8585/healthz', timeout=2)"]
CMD ["keyhouse", "up", "--host", "0.0.0.0"]

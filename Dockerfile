# One image for API, worker, sandbox and migrations: the same commands as on a developer's machine.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/venv
WORKDIR /app
COPY requirements-build.txt requirements.txt ./
RUN /opt/venv/bin/pip install --require-hashes --no-deps -r requirements-build.txt \
 && /opt/venv/bin/pip install --require-hashes --no-deps --no-build-isolation -r requirements.txt
COPY . .
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable . \
 && /opt/venv/bin/python -m compileall -q -j 0 /app /opt/venv/lib

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tripsaga
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["tripsaga"]
CMD ["--help"]

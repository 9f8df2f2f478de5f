ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/casewire
WORKDIR /src
# The dependencies first: they change less often than the code, and keep their layer when it does.
COPY requirements.lock ./
RUN /opt/casewire/bin/pip install --require-hashes --no-deps -r requirements.lock && /opt/casewire/bin/pip check
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY storage storage
RUN /opt/casewire/bin/pip install --no-deps .

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="Casewire" \
      org.opencontainers.image.description="A self-hosted customer case desk that lives in Slack" \
      org.opencontainers.image.licenses="GPL-3.0-or-later"
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin casewire \
    && install --directory --owner casewire --group casewire --mode 0700 /data
COPY --from=build /opt/casewire /opt/casewire
ENV PATH=/opt/casewire/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATABASE_URL=sqlite:////data/casewire.db
USER casewire
WORKDIR /data
VOLUME /data
EXPOSE 8000
# The slim image has no curl. The time-outs leave room for one slow answer of the database.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=8)"]
CMD ["casewire", "run"]

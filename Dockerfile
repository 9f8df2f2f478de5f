ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements.lock requirements-dev.lock ./
# What builds the wheel comes from the lock too, and lives apart from what is shipped.
RUN awk '/^[a-z]/ { wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } wanted' \
        requirements-dev.lock > /tmp/build.lock \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --no-deps -r /tmp/build.lock
# The dependencies before the code: they change less often, and keep their layer when it does.
RUN python -m venv --without-pip /opt/casewire \
    && /opt/build/bin/pip --python /opt/casewire/bin/python install --require-hashes --no-deps -r requirements.lock \
    && /opt/build/bin/pip --python /opt/casewire/bin/python check
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY storage storage
RUN /opt/build/bin/python -m hatchling build -t wheel -d /tmp/wheel \
    && /opt/build/bin/pip --python /opt/casewire/bin/python install --no-index --no-deps /tmp/wheel/*.whl

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="Casewire" \
      org.opencontainers.image.description="A self-hosted customer case desk that lives in Slack" \
      org.opencontainers.image.licenses="GPL-3.0-or-later"
# Nothing that could install anything stays.
RUN python -m pip uninstall --yes pip \
    && rm -rf /usr/local/lib/python3*/ensurepip
RUN useradd --system --user-group --uid 10001 --home-dir /data --shell /usr/sbin/nologin casewire \
    && install --directory --owner casewire --group casewire --mode 0700 /data
COPY --from=build /opt/casewire /opt/casewire
ENV PATH=/opt/casewire/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATABASE_URL=sqlite:////data/casewire.db
# By number, so that an orchestrator can see that it is not root.
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# The slim image has no curl. The time-outs leave room for one slow answer of the database.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=8)"]
CMD ["casewire", "run"]

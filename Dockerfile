# Four stages; the last one holds neither compiler nor torch, only the table that torch distilled.
#
# pip's index options are build arguments, for mirrors and for PyTorch's CPU builds:
#   docker build --build-arg PIP_EXTRA_INDEX_URL=... -t promptdrift:0.1.0 .

FROM python:3.11-slim-bookworm AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1


FROM base AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
WORKDIR /src
# The dependencies alone first: a change in the source must not install them again.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
      > requirements.txt \
 && pip install -r requirements.txt -c constraints.txt
COPY README.md LICENSE ./
COPY schemas schemas
COPY app app
COPY agents agents
RUN pip install . -c constraints.txt


FROM build AS wording
RUN pip install '.[model]' -c constraints.txt
RUN mkdir -p /opt/promptdrift \
 && promptdrift encoder distil --out /opt/promptdrift/wording.npz


FROM base AS runtime
RUN groupadd --gid 10001 promptdrift \
 && useradd --uid 10001 --gid 10001 --no-create-home --no-log-init promptdrift \
 && install --directory --owner=10001 --group=10001 /var/lib/promptdrift
COPY --from=build /opt/venv /opt/venv
COPY --from=wording /opt/promptdrift/wording.npz /opt/promptdrift/wording.npz
ENV PROMPTDRIFT_ENCODER__TABLE=/opt/promptdrift/wording.npz \
    HOME=/var/lib/promptdrift
# A promptdrift.yaml that is mounted here is found without further options.
WORKDIR /var/lib/promptdrift
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
# 6066 is the worker's, 6067 the notifier's, 6068 the evaluator's, 8080 the API's.  No HEALTHCHECK: it differs by command, see docker-compose.yml and k8s/.
EXPOSE 6066 6067 6068 8080
ENTRYPOINT ["promptdrift"]
CMD ["--help"]

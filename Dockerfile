# The ankiforge command in a container. Build it, then run it in the folder that holds your files:
#
#     docker build -t ankiforge .
#     docker run --rm -it --user "$(id -u):$(id -g)" -v "$PWD:/work" -v ankiforge:/home/reader --network host ankiforge run paper.pdf
#
# The review page listens on 127.0.0.1 alone, hence `--network host`; elsewhere: `review --terminal`.

FROM python:3.13-slim AS build
COPY pyproject.toml hatch_build.py README.md constraints.txt /src/
COPY ankiforge /src/ankiforge
COPY prompts /src/prompts
COPY decks /src/decks
RUN python3 -m venv /opt/ankiforge
RUN /opt/ankiforge/bin/python -m pip install --no-cache-dir --constraint /src/constraints.txt /src

FROM python:3.13-slim
COPY --from=build /opt/ankiforge /opt/ankiforge
# with --user, whoever runs it writes into the folder as themselves
RUN mkdir --mode 1777 /home/reader /work
ENV HOME=/home/reader
USER 1000
WORKDIR /work
ENTRYPOINT ["/opt/ankiforge/bin/ankiforge"]

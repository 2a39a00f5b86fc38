# The image of the program `longhaul`, from the archives that scripts/archive.py packs, unpacked into dist/image/amd64 and
# dist/image/arm64. It compiles nothing: .github/workflows/release.yml builds the programs.
FROM gcr.io/distroless/cc-debian13:nonroot
ARG TARGETARCH
COPY dist/image/${TARGETARCH}/ /usr/local/
# The user's home: a volume on it holds the embedded cloud's state.
WORKDIR /home/nonroot
ENTRYPOINT ["/usr/local/bin/longhaul"]
CMD ["up"]

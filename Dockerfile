# Two stages: the Go toolchain builds one static binary, the image holds that and the system's roots.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The version that records and logs name: docker build --build-arg VERSION=$(git describe --always --dirty)
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath -tags disable_grpc_modules,grpcnotrace,release -ldflags "-s -w -X groundwork/onboarding.build=${VERSION}" -o /out/groundwork ./cmd/server

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/groundwork /groundwork
USER 65532:65532
EXPOSE 8080
ENV ADDR=:8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/groundwork", "health"]
ENTRYPOINT ["/groundwork"]
CMD ["serve"]

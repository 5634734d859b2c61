# The server and both clients on a slim Debian.
#
#   docker build -t latchkey .
#   docker run --rm -p 127.0.0.1:7411:7411 latchkey
#
# Without certificates it serves in plain text, hence --allow-insecure: publish its
# ports (7411 for calls, 7412 for /metrics, /livez and /readyz) on loopback or on a
# network that you trust, never to the world.  With TLS on 7411, of which 7412 has
# none; the last two variables are for the health check, a client like any other:
#
#   docker run --rm -p 7411:7411 -v /etc/latchkey/tls:/tls:ro \
#     -e LATCHKEY_TLS_CERTIFICATE=/tls/cert.pem -e LATCHKEY_TLS_KEY=/tls/key.pem \
#     -e LATCHKEY_TLS_CA=/tls/ca.pem -e LATCHKEY_TLS_SERVER_NAME=cache.example \
#     latchkey
#
# The user `latchkey` must be able to read the files.
FROM debian:bookworm-slim AS build
WORKDIR /latchkey
# Packages first: they change less often than the code.
COPY deploy/install-packages deploy/
RUN deploy/install-packages build
COPY CMakeLists.txt CMakePresets.json ./
COPY proto proto
COPY server server
COPY client client
RUN cmake --preset deploy \
 && cmake --build --preset deploy \
 && cmake --install build/deploy --strip --prefix /installed

FROM debian:bookworm-slim
COPY deploy/install-packages /tmp/
RUN /tmp/install-packages runtime \
 && rm -rf /tmp/install-packages /var/lib/apt/lists/* \
 && useradd --system --no-create-home --shell /usr/sbin/nologin latchkey
COPY --from=build /installed/bin/ /usr/local/bin/
USER latchkey
EXPOSE 7411 7412
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["latchkey", "health"]
CMD ["latchkeyd", "--listen", "0.0.0.0:7411", "--http-listen", "0.0.0.0:7412", \
     "--allow-insecure"]

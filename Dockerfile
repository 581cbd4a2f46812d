# One image for every part of Onsale: gateway, booking API, migration and the command line.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/onsale
COPY requirements.txt ./
RUN /opt/onsale/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY pyproject.toml requirements.in README.md LICENSE ./
COPY shared ./shared
COPY lua ./lua
COPY queue_gateway ./queue_gateway
COPY booking_api ./booking_api
COPY local_provider ./local_provider
COPY onsale ./onsale
RUN /opt/onsale/bin/pip install --no-cache-dir --no-deps --no-build-isolation --no-index .

FROM python:3.11-slim
COPY --from=build /opt/onsale /opt/onsale
ENV PATH=/opt/onsale/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# No account is needed to own anything: nothing is written but to the stores.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080 8081
CMD ["onsale", "--help"]

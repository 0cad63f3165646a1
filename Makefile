# Each target is a task of tasks.py, which works without make, too.
PYTHON ?= python3
TASKS = setup engines lab demo test test-all check notebooks page bench mutants artifacts lock clean

.PHONY: help $(TASKS)
help:
	@$(PYTHON) tasks.py || true

$(TASKS):
	@command -v $(PYTHON) >/dev/null || { echo "Missing: Python 3.11, 3.12 or 3.13. Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@$(PYTHON) tasks.py $@

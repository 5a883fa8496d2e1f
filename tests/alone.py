"""Measure garbage and memory where nothing else makes any: in a process of its own."""

import gc
import multiprocessing
import tracemalloc
from concurrent.futures import ProcessPoolExecutor


def alone(function, *arguments):
    """Return function(*arguments), called in a fresh interpreter.

    The process that runs the tests has threads and leftovers of earlier tests.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(function, *arguments).result()


def garbage(work):
    """Return how many objects work() leaves to the cyclic collector."""
    gc.collect()
    gc.disable()
    try:
        work()
        return gc.collect()
    finally:
        gc.enable()


def growth(work, first, then):
    """Return by how many bytes memory grew in work(then), after work(first)."""
    tracemalloc.start()
    try:
        work(first)
        before, _ = tracemalloc.get_traced_memory()
        work(then)
        after, _ = tracemalloc.get_traced_memory()
        return after - before
    finally:
        tracemalloc.stop()

"""Measurements beside a peer, in the same run on the same private servers."""

import logging

import structlog

# What leads and leaves is told on the standard output, where the figures are printed.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))

"""Campaigns: content, advertising and the KOLs, audiences and budgets behind them."""

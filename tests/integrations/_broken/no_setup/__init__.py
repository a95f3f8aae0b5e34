"""Forgot its setup."""

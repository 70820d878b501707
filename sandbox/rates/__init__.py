"""A central bank: the file of euro reference rates that the European Central Bank publishes.

Format: https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml. The rates are made up and
the same every day; the day is today's, weekends included.
"""

from sandbox.rates.routes import router

__all__ = ["router"]

"""One run as one offline page: everything in a single HTML file that asks for nothing."""

from __future__ import annotations

from adapters.reports.page.document import PageOptions as PageOptions
from adapters.reports.page.document import page_of as page_of
from adapters.reports.page.other_run import OtherRun as OtherRun
from adapters.reports.page.plotly_js import PlotlyMissing as PlotlyMissing
from adapters.reports.page.plotly_js import shared_script as shared_script

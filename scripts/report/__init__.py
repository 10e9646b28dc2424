"""A run as one page of HTML that stands alone: no network, fit for print."""

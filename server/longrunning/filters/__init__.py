"""The filter language of ListOperations.

    filter = parse('done = true AND metadata.labels.color = red')
    filter.matches(operation)   # decides
    filter.bounds()             # what a store can put into its own query beforehand

Spec: AIP-160
"""

from longrunning.filters.aliases import check_aliases
from longrunning.filters.bounds import Among, Bounds
from longrunning.filters.filter import Filter, parse

__all__ = ["Among", "Bounds", "Filter", "check_aliases", "parse"]

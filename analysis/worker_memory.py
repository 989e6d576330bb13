"""What memory a worker may take: a task that wants more fails with a sentence, before the machine kills something."""

import logging

from django.conf import settings

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)


def limit_memory() -> None:
    """Limit what this process, a worker, may allocate; NumPy and Python then raise MemoryError.

    The data segment, not the address space: libraries reserve addresses (threads, mapped files) that they never fill.
    """
    if resource is None or not settings.WORKER_MEMORY_MB:
        return
    limit = settings.WORKER_MEMORY_MB * 2**20
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    except (OSError, ValueError) as error:
        logger.warning("the memory of this worker cannot be limited: %s", error)

"""Waiting for something to become true, with a limit; the only way in which tests wait."""
import time


class TimedOut(AssertionError):
    pass


def wait_until(ask, timeout=30, what=None, every=0.02):
    """Calls ask() until it returns something true, and returns that. An answer that raises
    AssertionError counts as "not yet"; its text is shown when time is over."""
    until = time.monotonic() + timeout
    while True:
        trouble = None
        try:
            answer = ask()
            if answer:
                return answer
        except AssertionError as e:
            trouble = e
        if time.monotonic() > until:
            raise TimedOut('not within %.0f s: %s%s' % (
                timeout, what or getattr(ask, '__name__', ask),
                ' (%s)' % trouble if trouble else '')) from trouble
        time.sleep(every)

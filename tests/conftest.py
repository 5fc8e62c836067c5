"For all tests."
import signal

# A shell that runs the tests in the background has interrupts ignored. Programs that are started here would
# inherit it, and no test could interrupt them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

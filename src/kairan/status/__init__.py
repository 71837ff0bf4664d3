"""Status: what the service does now, in one value for the command, the console and the metrics.

In      a configuration; the workers by their control sockets; queue, certificates and disk as they lie
Out     `Status`: accepting or why not, listeners, rates, queue by destination, paused, disk,
        certificates, issuer keys, directory, workers
Never   changes anything; a part that cannot be read is said in `unknown`, the rest is there
Limits  reads the job table once: about a second for a million jobs
"""

"""Moto's server, whose stacks can be put into any state of CloudFormation: no emulator fails a creation or a rollback.

Run with the Python of moto's environment and a port of the loopback address. Each line on standard input is a stack and the
status that it gets from then on in moto's own back end; the answer is a line.

One thing is mended: moto makes a second stack of the same name for a second change set of a stack that was only planned.
"""

import sys

from moto.cloudformation.models import CloudFormationBackend, cloudformation_backends
from moto.server import ThreadedMotoServer

ACCOUNT, REGION = "123456789012", "eu-west-1"


def replace_planned(create_change_set):
    def replacing(self, stack_name, *rest, **more):
        planned = [id for id, it in self.stacks.items() if it.name == stack_name and it.status == "REVIEW_IN_PROGRESS"]
        for id in planned:
            del self.stacks[id]
        return create_change_set(self, stack_name, *rest, **more)

    return replacing


def main():
    CloudFormationBackend.create_change_set = replace_planned(CloudFormationBackend.create_change_set)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]), verbose=False)
    server.start()
    print("ready", flush=True)
    for line in sys.stdin:
        name, status = line.split()
        stacks = cloudformation_backends[ACCOUNT][REGION].stacks.values()
        found = [stack for stack in stacks if stack.name == name]
        for stack in found:
            stack.status = status
        print("set" if found else "unknown", flush=True)
    server.stop()


main()

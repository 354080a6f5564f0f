"""Every fault, in the order in which they run: from what is undone at once to what touches the whole cluster."""

from typing import Final

from lab.faults import (
    by_contract,
    faults_of_cluster,
    faults_of_forge,
    faults_of_keys,
    faults_of_pods,
    faults_of_registrar,
    faults_of_runner,
    faults_of_up,
)
from lab.faults.fault import Contract, Fault

FAULTS: Final[tuple[Fault, ...]] = (
    *faults_of_pods.FAULTS,
    *faults_of_runner.FAULTS,
    *faults_of_registrar.FAULTS,
    *faults_of_forge.FAULTS,
    *faults_of_cluster.FAULTS,
    *faults_of_up.FAULTS,
    *faults_of_keys.FAULTS,
)
CONTRACTS: Final[tuple[Contract, ...]] = by_contract.CONTRACTS
ORDER: Final = (*(fault.name for fault in FAULTS), *(contract.name for contract in CONTRACTS))

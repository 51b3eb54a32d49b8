"""The contract of a store, whole: what every backend must pass."""

from outlast.testing.contract.claiming import ClaimContract, ClaimOrderContract
from outlast.testing.contract.fencing import FenceContract
from outlast.testing.contract.finality import FinalityContract
from outlast.testing.contract.finishing import FinishContract
from outlast.testing.contract.reading import QueuePositionContract, ReadingContract
from outlast.testing.contract.starting import LimitContract, StartContract


class SessionStoreContract(
    StartContract,
    LimitContract,
    ReadingContract,
    QueuePositionContract,
    ClaimContract,
    ClaimOrderContract,
    FenceContract,
    FinishContract,
    FinalityContract,
):
    """Inherit from it in a test file, with a fixture `store` on the fixture `clock`:

    class TestMine(SessionStoreContract):
        @pytest.fixture
        async def store(self, clock, tmp_path):
            store = MyStore(tmp_path, clock)
            await store.open(migrate=True)
            yield store
            await store.close()
    """

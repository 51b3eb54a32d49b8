"""The complete contract suite of a store, which every backend must pass."""

from outlast.testing.contract.adopting import AdoptContract
from outlast.testing.contract.claiming import ClaimContract, ClaimOrderContract
from outlast.testing.contract.fencing import FenceContract
from outlast.testing.contract.finality import FinalityContract
from outlast.testing.contract.finishing import FinishContract
from outlast.testing.contract.lapsing import BeatContract, LapseContract, ReturnContract
from outlast.testing.contract.leasing import StuckWorkerContract
from outlast.testing.contract.linking import ShareContract
from outlast.testing.contract.offering import OfferContract
from outlast.testing.contract.overseeing import OverviewContract
from outlast.testing.contract.progressing import KeptStepContract, ProgressContract, ResultContract
from outlast.testing.contract.pruning import PruneContract
from outlast.testing.contract.reading import QueuePositionContract, ReadingContract
from outlast.testing.contract.registering import EnrolContract, RegistryContract
from outlast.testing.contract.remembering import FactContract
from outlast.testing.contract.rescuing import ReleaseWorkerContract, RescueContract
from outlast.testing.contract.sharing import SharingContract
from outlast.testing.contract.starting import LimitContract, StartContract
from outlast.testing.contract.steering import CancelContract, RetryContract
from outlast.testing.contract.storing import BlobContract
from outlast.testing.contract.timing import TimingContract


class SessionStoreContract(
    StartContract,
    LimitContract,
    ReadingContract,
    QueuePositionContract,
    OverviewContract,
    ClaimContract,
    ClaimOrderContract,
    OfferContract,
    ProgressContract,
    KeptStepContract,
    FenceContract,
    FinishContract,
    FinalityContract,
    CancelContract,
    RetryContract,
    BeatContract,
    LapseContract,
    ReturnContract,
    StuckWorkerContract,
    TimingContract,
    RescueContract,
    ReleaseWorkerContract,
    ResultContract,
    ShareContract,
    BlobContract,
    FactContract,
    AdoptContract,
    PruneContract,
    RegistryContract,
    EnrolContract,
    SharingContract,
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

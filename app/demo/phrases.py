"""The catalogue of ordinary topics: what people ask the helpdesk, and which of it the eval set knows."""

from app.demo import account, devices, everyday, office, repairs, shop
from app.demo.grammar import Topic

TOPICS: tuple[Topic, ...] = (
    shop.BILLING,
    shop.REFUNDS,
    shop.RETURNS,
    shop.DELIVERY,
    shop.COMPARISON,
    account.ACCESS,
    account.SUBSCRIPTION,
    account.PRIVACY,
    account.HOWTO,
    repairs.WARRANTY,
    devices.PRINTER,
    devices.WIFI,
    devices.BACKUP,
    repairs.SLOW,
    office.EMAIL,
    office.MEETING,
    office.SPREADSHEET,
    office.TRANSLATION,
    everyday.PLANNING,
    everyday.TRAVEL,
    everyday.RECIPES,
)
NOT_EVALUATED = frozenset({"travel_planning", "recipes"})  # live traffic has a little of both
EVALUATED: tuple[Topic, ...] = tuple(topic for topic in TOPICS if topic.name not in NOT_EVALUATED)
SHARES: tuple[float, ...] = tuple(topic.share for topic in TOPICS)

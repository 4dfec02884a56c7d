"""The calendars that are known by name, without the library that has their sessions."""

from collections.abc import Mapping

ALWAYS, WEEKDAYS = "24/7", "weekdays"
# Ours, and those of exchange_calendars that are asked for most; it has many more.
CALENDARS: Mapping[str, str] = {
    ALWAYS: "Every day, all day: crypto",
    WEEKDAYS: "Monday to Friday, all day",
    "XNYS": "New York Stock Exchange; Nasdaq keeps the same days",
    "CMES": "CME Globex futures",
    "us_futures": "US futures",
    "XTSE": "Toronto",
    "BVMF": "Sao Paulo",
    "XLON": "London",
    "XETR": "Xetra, Frankfurt",
    "XPAR": "Paris",
    "XAMS": "Amsterdam",
    "XSWX": "Zurich",
    "XTKS": "Tokyo",
    "XHKG": "Hong Kong",
    "XSHG": "Shanghai",
    "XKRX": "Seoul",
    "XBOM": "Mumbai",
    "XASX": "Sydney",
    "XNZE": "Wellington",
}

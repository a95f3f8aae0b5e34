"""Units of measurement that say the same in other numbers. The names of the classes are Home Assistant's (2025.4)."""

from __future__ import annotations

from collections.abc import Mapping

FEET = 0.3048  # m
POUND = 0.45359237  # kg
GALLON = 0.003785411784  # m³
DAY = 86_400.0  # s

_Scale = tuple[float, float]
"""What a number in this unit is multiplied with, and what is added then, to be one in the chief unit of its class."""


def _times(factors: Mapping[str, float]) -> dict[str, _Scale]:
    return {unit: (factor, 0.0) for unit, factor in factors.items()}


_CLASSES: Mapping[str, Mapping[str, _Scale]] = {
    "area": _times({"m²": 1.0, "km²": 1e6, "ha": 1e4, "ac": 4046.8564224}),
    "data_rate": _times(
        {"bit/s": 1.0, "kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9}
        | {"B/s": 8.0, "kB/s": 8e3, "MB/s": 8e6, "GB/s": 8e9}
    ),
    "distance": _times(
        {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3}
        | {"in": FEET / 12, "ft": FEET, "yd": FEET * 3, "mi": FEET * 5280, "nmi": 1852.0}
    ),
    "duration": _times({"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": DAY, "w": 7 * DAY}),
    "electric_current": _times({"mA": 1e-3, "A": 1.0}),
    "energy": _times(
        {"mWh": 1e-6, "Wh": 1e-3, "kWh": 1.0, "MWh": 1e3, "GWh": 1e6, "TWh": 1e9}
        | {"J": 1 / 3.6e6, "kJ": 1 / 3.6e3, "MJ": 1 / 3.6, "GJ": 1e3 / 3.6}
        | {"cal": 4.184 / 3.6e6, "kcal": 4.184 / 3.6e3, "Mcal": 4.184 / 3.6, "Gcal": 4184 / 3.6}
    ),
    "information": _times(
        {"bit": 1.0, "kbit": 1e3, "B": 8.0, "kB": 8e3, "MB": 8e6, "GB": 8e9, "TB": 8e12}
        | {"KiB": 8 * 2.0**10, "MiB": 8 * 2.0**20, "GiB": 8 * 2.0**30}
    ),
    "mass": _times({"µg": 1e-9, "mg": 1e-6, "g": 1e-3, "kg": 1.0, "oz": POUND / 16, "lb": POUND, "st": POUND * 14}),
    "power": _times({"mW": 1e-3, "W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9, "TW": 1e12}),
    "pressure": _times(
        {"Pa": 1.0, "hPa": 100.0, "kPa": 1e3, "bar": 1e5, "cbar": 1e3, "mbar": 100.0}
        | {"mmHg": 133.322387415, "inHg": 3386.388640341, "psi": 6894.757293168}
    ),
    "speed": _times(
        {"m/s": 1.0, "km/h": 1 / 3.6, "mph": 0.44704, "kn": 1852 / 3600, "ft/s": FEET}
        | {"mm/d": 1e-3 / DAY, "mm/h": 1e-3 / 3600, "in/d": FEET / 12 / DAY, "in/h": FEET / 12 / 3600}
    ),
    "temperature": {"°C": (1.0, 0.0), "°F": (5 / 9, -160 / 9), "K": (1.0, -273.15)},
    "unitless": _times({"%": 0.01}),
    "voltage": _times({"µV": 1e-6, "mV": 1e-3, "V": 1.0, "kV": 1e3}),
    "volume": _times(
        {"mL": 1e-6, "L": 1e-3, "m³": 1.0, "ft³": FEET**3, "CCF": 100 * FEET**3}
        | {"gal": GALLON, "fl. oz.": GALLON / 128}
    ),
    "volume_flow_rate": _times({"m³/h": 1.0, "L/min": 0.06, "ft³/min": FEET**3 * 60, "gal/min": GALLON * 60}),
}
_CLASS_OF: Mapping[str | None, str] = {unit: name for name, units in _CLASSES.items() for unit in units} | {
    None: "unitless"
}


def unit_class(unit: str | None) -> str | None:
    """What is measured in this unit, where that can be told in other units."""
    return _CLASS_OF.get(unit)


def factors(unit: str | None, wanted: str | None) -> tuple[float, float] | None:
    """What a number is multiplied with, and what is added then, to have it in another unit; None: it cannot be had."""
    if unit == wanted:
        return 1.0, 0.0
    name = unit_class(unit)
    if unit is None or wanted is None or name is None or name != unit_class(wanted):
        return None
    (times, plus), (by, less) = _CLASSES[name][unit], _CLASSES[name][wanted]
    return times / by, (plus - less) / by

"""The device classes of Home Assistant: clients choose units, icons and words by them."""

from __future__ import annotations

SENSOR_CLASSES = frozenset(
    {
        "absolute_humidity", "apparent_power", "aqi", "area", "atmospheric_pressure", "battery",
        "blood_glucose_concentration", "carbon_dioxide", "carbon_monoxide", "conductivity", "current", "data_rate",
        "data_size", "date", "distance", "duration", "energy", "energy_distance", "energy_storage", "enum",
        "frequency", "gas", "humidity", "illuminance", "irradiance", "moisture", "monetary", "nitrogen_dioxide",
        "nitrogen_monoxide", "nitrous_oxide", "ozone", "ph", "pm1", "pm10", "pm25", "power", "power_factor",
        "precipitation", "precipitation_intensity", "pressure", "reactive_energy", "reactive_power",
        "signal_strength", "sound_pressure", "speed", "sulphur_dioxide", "temperature", "timestamp",
        "volatile_organic_compounds", "volatile_organic_compounds_parts", "voltage", "volume", "volume_flow_rate",
        "volume_storage", "water", "weight", "wind_direction", "wind_speed",
    }
)  # fmt: skip
NOT_NUMERIC = frozenset({"date", "enum", "timestamp"})
"""Of the classes of sensors, those whose state is no number."""

STATE_CLASSES = frozenset({"measurement", "measurement_angle", "total", "total_increasing"})

BINARY_SENSOR_CLASSES = frozenset(
    {
        "battery", "battery_charging", "carbon_monoxide", "cold", "connectivity", "door", "garage_door", "gas",
        "heat", "light", "lock", "moisture", "motion", "moving", "occupancy", "opening", "plug", "power",
        "presence", "problem", "running", "safety", "smoke", "sound", "tamper", "update", "vibration", "window",
    }
)  # fmt: skip
BUTTON_CLASSES = frozenset({"identify", "restart", "update"})

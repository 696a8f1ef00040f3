"""A broker for societies over MQTT: mosquitto, with a safe configuration."""

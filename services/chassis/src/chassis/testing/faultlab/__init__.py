"""The fault lab: real services, real servers, drawn faults, and what must hold afterwards."""

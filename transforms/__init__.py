"""What is done to tables: pure functions of frames, without files, clocks or chance."""

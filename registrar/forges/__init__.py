"""The forges behind one seam: `forge` holds the seam, every other module one forge."""

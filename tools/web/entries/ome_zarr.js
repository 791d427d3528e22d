// Renders planes of OME-Zarr images.
export * from "ome-zarr.js";

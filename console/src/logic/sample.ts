//! Samples: what an event of a type looks like before there is one.

interface Typed {
  key: string;
  sample?: Record<string, unknown> | null;
}

export interface Envelope {
  vendorId: string;
  tenantId?: string | null;
  userId?: string | null;
}

/** The whole body that a sample of that type is delivered as. */
export function sampleBody(type: Typed, context: Envelope): Record<string, unknown> {
  return {
    eventKey: type.key,
    eventContext: { vendorId: context.vendorId, tenantId: context.tenantId ?? null, userId: context.userId ?? null },
    ...(type.sample ?? {}),
  };
}

-- What an integration is beside its definition: these are the same in all rows of a sequence, but
-- is_code_native, which is the version's.
ALTER TABLE integration
    ADD is_code_native boolean NOT NULL DEFAULT false,
    ADD template_configuration text NOT NULL DEFAULT 'NOT_AVAILABLE' CHECK (template_configuration
        IN ('NOT_AVAILABLE', 'ORG_AVAILABLE', 'CUSTOMER_AVAILABLE', 'AVAILABLE')),
    ADD marketplace_configuration text NOT NULL DEFAULT 'NOT_AVAILABLE_IN_MARKETPLACE'
        CHECK (marketplace_configuration IN ('NOT_AVAILABLE_IN_MARKETPLACE',
            'AVAILABLE_NOT_DEPLOYABLE', 'AVAILABLE_AND_DEPLOYABLE')),
    ADD marketplace_tab_configuration text NOT NULL DEFAULT '',
    ADD overview text NOT NULL DEFAULT '',
    ADD allow_multiple_marketplace_instances boolean NOT NULL DEFAULT false;
